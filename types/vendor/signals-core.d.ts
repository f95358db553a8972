/** What the page uses of Preact's signals (static/vendor/signals-core.js). */
export interface ReadonlySignal<T> { readonly value: T; peek(): T; subscribe(told: (value: T) => void): () => void }
export interface Signal<T> extends ReadonlySignal<T> { value: T }

/** An object whose members may become something else than the null, undefined or [] that they start as. */
export type Open<T> = 0 extends 1 & T ? any
  : T extends Function | readonly any[] ? T
  : { [K in keyof T]: T[K] extends null | undefined | never[] ? K : never }[keyof T] extends never ? T
  : { [K in keyof T]: [T[K]] extends [null | undefined] ? any : [T[K]] extends [never[]] ? any[] : T[K] };

// what starts as null or undefined becomes something else later
export function signal<T = any>(value?: null): Signal<T>;
export function signal(value: never[]): Signal<any[]>;
export function signal(value: boolean): Signal<boolean>;
export function signal(value: string): Signal<string>;
export function signal(value: number): Signal<number>;
export function signal<T>(value: T): Signal<Open<T>>;
export function computed<T>(compute: () => T): ReadonlySignal<T>;
export function effect(run: () => void | (() => void)): () => void;
export function batch<T>(run: () => T): T;
export function untracked<T>(run: () => T): T;
