// A module that the runner writes: at a Worker's module scope there is no request to tell it.

export const ossUrl: string;
export const region: string;
export const credentials: { accessKeyId: string; accessKeySecret: string };
