// What a value is, of whatever realm: an iframe's Blob is no instance of this page's.

/** "Blob", "URL", "Uint8Array": what the value calls itself. */
export const kindOf = (value) => Object.prototype.toString.call(value).slice(8, -1);

export const isAddress = (value) => typeof value === "string" || kindOf(value) === "URL";
export const isBlob = (value) => ["Blob", "File"].includes(kindOf(value));
export const isBytes = (value) => ArrayBuffer.isView(value) || ["ArrayBuffer", "SharedArrayBuffer"].includes(kindOf(value));
