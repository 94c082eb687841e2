/** A row of a list: what it says, how it looks, and a place in front of it. */
export interface Line {
  text: string;
  look?: "error" | "null";
  place?: string;
}

/**
 * A list on the page that shows its newest lines only, and says how many came before.
 *
 * Lines are added once per frame, so that a list of a hundred thousand records does not freeze the page.
 */
export class Lines {
  #element: HTMLElement;
  #most: number;
  #waiting: Line[] = [];
  #skipped = 0;
  #scheduled = false;
  total = 0;

  constructor(element: HTMLElement, most: number) {
    this.#element = element;
    this.#most = most;
  }

  add(line: Line): void {
    this.total += 1;
    this.#waiting.push(line);
    if (this.#waiting.length > this.#most) {
      this.#waiting.shift();
      this.#skipped += 1;
    }
    this.#schedule();
  }

  clear(): void {
    this.total = 0;
    this.#skipped = 0;
    this.#waiting = [];
    this.#element.replaceChildren();
  }

  #schedule(): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      // A page in the background has no frames; it may still fill up.
      const later = document.hidden ? setTimeout : requestAnimationFrame;
      later(() => this.#flush());
    }
  }

  #flush(): void {
    this.#scheduled = false;
    const list = this.#element;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.append(...this.#waiting.map(row));
    this.#waiting = [];
    list.querySelector(".skipped")?.remove();
    while (list.childElementCount > this.#most) {
      list.firstElementChild?.remove();
      this.#skipped += 1;
    }
    if (this.#skipped > 0) {
      const note = document.createElement("li");
      note.className = "skipped";
      note.textContent = `${this.#skipped.toLocaleString("en")} earlier ones are not shown`;
      list.prepend(note);
    }
    if (atEnd) list.scrollTop = list.scrollHeight;
  }
}

function row(line: Line): HTMLElement {
  const item = document.createElement("li");
  // Only ever as text: a record may hold anything.
  item.textContent = line.text;
  if (line.look) item.className = line.look;
  if (line.place !== undefined) {
    const place = document.createElement("span");
    place.className = "place";
    place.textContent = line.place;
    item.prepend(place);
  }
  return item;
}
