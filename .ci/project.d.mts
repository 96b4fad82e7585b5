export declare const root: string;
export declare const onCi: boolean;
export declare function install(folder?: string): void;
