/** What the page uses of h5wasm (static/vendor/h5wasm/hdf5_hl.js). */
export const ready: Promise<any>;
export const Module: any;
export const File: any;
export const Group: any;
export const Dataset: any;
