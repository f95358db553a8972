/** What the page uses of htm (static/vendor/htm.js). */
declare const htm: {
  bind<Result>(h: (type: any, props: any, ...children: any[]) => Result): (strings: TemplateStringsArray, ...values: any[]) => Result & Result[];
};
export default htm;
