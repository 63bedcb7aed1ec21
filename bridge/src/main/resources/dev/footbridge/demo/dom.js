/** Small helpers for the page. */

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** Makes an element; text is set as text, never as markup. */
export function make(tag, { text, className, data, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  Object.assign(element.dataset, data);
  element.append(...children);
  return element;
}

/** The time of day, for people. */
export const timeOfDay = (ms) => new Date(ms).toTimeString().slice(0, 8);

/** Adds to the end of a scrolling list, keeps at most `most` entries, and stays at the end if the reader was there. */
export function appendTo(list, element, most) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.append(element);
  while (list.childElementCount > most) list.firstElementChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

/** Whether the visitor asked for less motion. */
export const lessMotion = window.matchMedia('(prefers-reduced-motion: reduce)');
