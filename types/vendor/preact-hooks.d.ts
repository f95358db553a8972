/** What the page uses of Preact's hooks (static/vendor/preact-hooks.js). */
type Inputs = readonly unknown[];
type Effect = () => void | (() => void);
export interface Ref<T> { current: T }
export type SetState<T> = (next: T | ((was: T) => T)) => void;

import { Open } from './signals-core';

// what starts as null or undefined, or without a type of its own, becomes something else later: it is not held to null
export function useState<T = any>(initial?: null): [T, SetState<T>];
export function useState(initial: never[]): [any[], SetState<any[]>];
export function useState(initial: boolean | (() => boolean)): [boolean, SetState<boolean>];
export function useState(initial: string | (() => string)): [string, SetState<string>];
export function useState(initial: number | (() => number)): [number, SetState<number>];
export function useState<T>(initial: T | (() => T)): [Open<T>, SetState<Open<T>>];
export function useRef<T = any>(initial?: null): Ref<T>;
export function useRef<T>(initial: T): Ref<Open<T>>;
export function useEffect(effect: Effect, inputs?: Inputs): void;
export function useLayoutEffect(effect: Effect, inputs?: Inputs): void;
export function useMemo<T>(make: () => T, inputs?: Inputs): T;
export function useCallback<T extends Function>(callback: T, inputs: Inputs): T;
export function useReducer<S, A>(reducer: (state: S, action: A) => S, initial: S): [S, (action: A) => void];
export function useContext<T = any>(context: any): T;
export function useId(): string;
export function useErrorBoundary(callback?: (error: any) => void): [any, () => void];
