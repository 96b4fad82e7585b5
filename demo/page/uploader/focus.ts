/** Moves the focus to Uppy's button “Upload”, because the button that was pressed goes away together with its notice. */
export function focusUpload(): void {
  const upload = document.querySelector<HTMLElement>('.uppy-StatusBar-actionBtn--upload:not(:disabled)');
  (upload ?? document.getElementById('uploader'))?.focus();
}
