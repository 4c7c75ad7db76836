// Tells the server which images are about to be shown by a query that tells of their predictions:
// an answer to one of them is no blind one, wherever it is given.
import { query } from "./filters.js";
import { rater } from "./rater.js";
import { post } from "./server.js";

export const offer = (about, rows, words = query()) =>
  post("/api/offered", { rater: rater(about), rows, query: words.toString() });
