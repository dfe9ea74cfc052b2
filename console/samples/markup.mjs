// The markup that templates are written in, and its reader. Only `generate.mjs` uses it.
//
//   ⟦Start:int=1693107714687⟧       a hole: name, type, and what stands there when it is not given
//   ⟦?IsvCode⟧ … ⟦/⟧                only when the value is given
//   ⟦Granularity{"DAILY":"daily"}⟧  another text for each value
//   ⟦*{"between":"&"}⟧ … ⟦/⟧        once for each of `params`; the members are those of the part

const MARK = /⟦([^⟧]*)⟧/g;

/** @param {string} text @returns {import('./fill.mjs').Part[]} */
export function parse(text) {
  /** @type {import('./fill.mjs').Part[][]} */
  const open = [[]];
  const add = (/** @type {import('./fill.mjs').Part} */ part) => open[open.length - 1].push(part);
  const begin = (/** @type {{parts: import('./fill.mjs').Part[]} & import('./fill.mjs').Part} */ part) => {
    add(part);
    open.push(part.parts);
  };
  let from = 0;
  for (const found of text.matchAll(MARK)) {
    if (found.index > from) {
      add({ text: text.slice(from, found.index) });
    }
    from = found.index + found[0].length;
    const mark = found[1];
    const hole = /^(\w+):(string|int|query|name)(?:=(.*))?$/.exec(mark);
    const choice = /^(\w+)(\{.*\})$/.exec(mark);
    if (mark === '/') {
      open.pop();
      if (open.length === 0) {
        throw new Error('nothing is open that could be closed');
      }
    } else if (mark.startsWith('?')) {
      begin({ optional: mark.slice(1), parts: [] });
    } else if (mark.startsWith('*')) {
      begin({ each: 'params', ...JSON.parse(mark.slice(1) || '{}'), parts: [] });
    } else if (hole) {
      add({ hole: hole[1], type: /** @type {any} */ (hole[2]), ...(hole[3] === undefined ? {} : { example: hole[3] }) });
    } else if (choice) {
      add({ choice: choice[1], cases: JSON.parse(choice[2]) });
    } else {
      throw new Error(`no such mark: ${mark}`);
    }
  }
  if (from < text.length) {
    add({ text: text.slice(from) });
  }
  if (open.length !== 1) {
    throw new Error('something is not closed');
  }
  return open[0];
}
