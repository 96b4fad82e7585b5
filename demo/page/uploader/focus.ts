/** Keeps the focus in the page when the button that was pressed goes away. */
import { useLayoutEffect, useRef } from 'preact/hooks';

/** Moves the focus to Uppy's button “Upload”, or else to the uploader. The page does not scroll. */
export function focusUpload(): void {
  const upload = document.querySelector<HTMLElement>('.uppy-StatusBar-actionBtn--upload:not(:disabled)');
  (upload ?? document.getElementById('uploader'))?.focus({ preventScroll: true });
}

/** Returns a reference for an element. If the element has the focus when it goes away, the uploader gets the focus. */
export function useKeptFocus<T extends HTMLElement>() {
  const element = useRef<T>(null);
  useLayoutEffect(() => {
    const { current } = element;
    return () => {
      if (current?.contains(document.activeElement)) focusUpload();
    };
  }, []);
  return element;
}
