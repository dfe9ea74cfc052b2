// Stands between a sample and the server, hands everything on unchanged, and remembers
// what was asked: so a test sees each value as it arrived, whatever the answer was.

import { createServer, request } from 'node:http';

export class Recorder {
  static async before(endpoint) {
    const recorder = new Recorder();
    recorder.asked = [];
    const [host, port] = endpoint.split(':');
    recorder.server = createServer((incoming, outgoing) => {
      const { pathname, searchParams } = new URL(incoming.url, 'http://any');
      recorder.asked.push({
        method: incoming.method,
        pathname,
        action: incoming.headers['x-acs-action'] ?? searchParams.get('Action'),
        query: Object.fromEntries(searchParams),
      });
      // The host that was signed goes on, not ours.
      const onward = request({ host, port, method: incoming.method, path: incoming.url, headers: incoming.headers, setHost: false });
      onward.on('response', (answer) => {
        outgoing.writeHead(answer.statusCode, answer.headers);
        answer.pipe(outgoing);
      });
      onward.on('error', (error) => outgoing.destroy(error));
      incoming.pipe(onward);
    });
    await new Promise((resolve) => recorder.server.listen(0, '127.0.0.1', resolve));
    recorder.endpoint = `http://127.0.0.1:${recorder.server.address().port}`;
    return recorder;
  }

  // What was asked since the last time.
  take() {
    return this.asked.splice(0);
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
