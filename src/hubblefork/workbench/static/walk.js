// A walk down the questions of one image: only those that the answers so far lead to are asked.
export class Walk {
  constructor(questions) {
    this.questions = questions;
    this.steps = [];  // { question, choice }, as places
  }

  // The place of the question that is asked now; null at the end.
  get place() {
    const last = this.steps.at(-1);
    return last ? this.questions[last.question].choices[last.choice].next : 0;
  }

  get question() {
    return this.place === null ? null : this.questions[this.place];
  }

  // The names of the answers so far.
  get answer() {
    return this.steps.map(({ question, choice }) => this.questions[question].choices[choice].name);
  }

  // Answers in words.
  get trail() {
    return this.steps.map(({ question, choice }) => this.questions[question].choices[choice].text);
  }

  choose(choice) {
    this.steps.push({ question: this.place, choice });
  }

  // Takes back the last answer, and with it all that depended on it.
  back() {
    return this.steps.pop() !== undefined;
  }
}
