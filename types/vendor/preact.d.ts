/** What the page uses of Preact (static/vendor/preact.js). */
export interface VNode { type: any; props: any; key: any }
export type Child = VNode | string | number | bigint | boolean | null | undefined | Child[];
export function h(type: any, props: any, ...children: any[]): VNode;
export function render(vnode: Child, parent: Element | DocumentFragment): void;
export function createContext<T = any>(value: T): { Provider: any; Consumer: any };
export const Fragment: any;
export abstract class Component<Props = any, State = any> {
  constructor(props?: Props);
  props: Props & { children?: any };
  state: State;
  setState(next: Partial<State> | ((was: State, props: Props) => Partial<State> | null), done?: () => void): void;
  forceUpdate(done?: () => void): void;
  abstract render(props: Props, state: State): Child;
  componentDidCatch?(error: any, info: any): void;
  componentDidMount?(): void;
  componentDidUpdate?(before: Props, was: State): void;
  componentWillUnmount?(): void;
}
