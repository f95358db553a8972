/** What the page uses of Preact's signals for components (static/vendor/signals.js). */
import { Open, ReadonlySignal, Signal } from './signals-core';
export * from './signals-core';
export function useSignal<T = any>(value?: null): Signal<T>;
export function useSignal<T>(value: T): Signal<Open<T>>;
export function useComputed<T>(compute: () => T): ReadonlySignal<T>;
export function useSignalEffect(run: () => void | (() => void)): void;
