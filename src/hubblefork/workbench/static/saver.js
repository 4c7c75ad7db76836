// Sends what was answered, one after another in its order, while the next image is looked at.
import { post, tell } from "./server.js";

export class Saver {
  // changed: called with the number of answers that are not stored yet.
  constructor(changed) {
    Object.assign(this, { waiting: [], running: false, changed });
    addEventListener("beforeunload", (event) => {
      if (this.waiting.length) event.preventDefault();
    });
  }

  // Resolves with the server's answer once it is stored.
  send(path, content) {
    return new Promise((resolve) => {
      this.waiting.push({ path, content, resolve });
      this.run();
    });
  }

  async run() {
    this.changed(this.waiting.length);
    if (this.running) return;
    this.running = true;
    while (this.waiting.length) {
      const { path, content, resolve } = this.waiting[0];
      try {
        const stored = await post(path, content);
        this.waiting.shift();
        tell(null);
        resolve(stored);
      } catch (error) {
        tell(`${error.message}. Not stored yet; trying again.`);
        await new Promise((done) => setTimeout(done, 2000));
      }
      this.changed(this.waiting.length);
    }
    this.running = false;
  }
}
