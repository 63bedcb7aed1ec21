/** Cuts text that arrives in pieces into lines; returns a function that takes the pieces. Empty lines are left out. */
export function lineSplitter(line: (text: string) => void): (piece: string) => void {
  let rest = '';
  return (piece) => {
    const parts = (rest + piece).split('\n');
    rest = parts.pop()!;
    parts.forEach((text) => {
      if (text) line(text);
    });
  };
}
