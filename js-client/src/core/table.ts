/** Values by names that others choose, such as `constructor` or `__proto__`, which an object has already. */
export class Table<T> {
  private all: { [key: string]: T } = {};

  get(name: string): T | undefined {
    return this.all['$' + name];
  }

  set(name: string, value: T): T {
    return (this.all['$' + name] = value);
  }

  drop(name: string): void {
    delete this.all['$' + name];
  }

  copy(): Table<T> {
    const table = new Table<T>();
    this.each((value, name) => table.set(name, value));
    return table;
  }

  /** Calls `visit` for each; those may be dropped meanwhile. */
  each(visit: (value: T, name: string) => void): void {
    for (const key in this.all) visit(this.all[key]!, key.substring(1));
  }
}

/** What an object that was parsed has under a name itself. */
export function own<T>(object: { [name: string]: T } | undefined, name: string): T | undefined {
  return object && Object.prototype.hasOwnProperty.call(object, name) ? object[name] : undefined;
}
