/** What scripts find in the browser's window: Plotly, once it is loaded, as far as the page uses it. */
interface PlotlyLike {
  react(box: Element, data: any, layout?: any, config?: any): Promise<any>;
  newPlot(box: Element, data: any, layout?: any, config?: any): Promise<any>;
  restyle(box: Element, update: any, traces?: number | number[]): Promise<any>;
  relayout(box: Element, update: any): Promise<any>;
  update(box: Element, traces: any, layout: any, at?: number | number[]): Promise<any>;
  toImage(box: any, options: any): Promise<string>;
  downloadImage(box: any, options: any): Promise<string>;
  purge(box: Element): void;
  Plots: { resize(box: Element): Promise<any> };
  Snapshot: any;
}

interface Window {
  Plotly: PlotlyLike;
}

/** Any element of the page: an event's target is not held to what it may be. */
interface EventTarget {
  [member: string]: any;
}

/** Newer than the declarations of this TypeScript. */
declare class DecompressionStream extends TransformStream<any, any> {
  constructor(format: 'gzip' | 'deflate' | 'deflate-raw');
}
