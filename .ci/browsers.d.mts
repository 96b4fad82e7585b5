/** The launch options of Playwright for a browser. */
export interface BrowserPlace {
  readonly executablePath?: string;
  readonly channel?: string;
}

export function findFirefox(): Promise<BrowserPlace | undefined>;
export function findBrowsers(): Promise<{
  readonly chromium: BrowserPlace | undefined;
  readonly firefox: BrowserPlace | undefined;
  readonly webkit:
    | { readonly driver: string; readonly browser: string; readonly display: string | undefined }
    | undefined;
}>;
