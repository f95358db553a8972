/** Questions of one kind that may overtake each other: an answer counts while no later question has been answered. */
export class Turns {
  #asked = 0;
  #answered = 0;

  /** The number of a question that is asked now. */
  ask() {
    return ++this.#asked;
  }

  /** Whether a later question has been answered before this one. @param {number} question */
  late(question) {
    return question < this.#answered;
  }

  /** Takes the answer to a question; false where it comes too late. @param {number} question */
  take(question) {
    if (this.late(question)) return false;
    this.#answered = question;
    return true;
  }
}
