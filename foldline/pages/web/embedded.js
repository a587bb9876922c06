// What stands in the page: a summary, and the packed rows, which are unpacked once.
const SUMMARY = JSON.parse(byId('summary').textContent);

async function unpackRows() {
  const text = atob(byId('packed').textContent);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  const rows = JSON.parse(await new Response(stream).text());
  byId('packed').remove();
  return rows;
}
