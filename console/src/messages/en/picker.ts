// English texts of choosing numbers, which is loaded when it is opened.

export const picker = {
  pickNumbers: "Phone numbers",
  filterNumbers: "Filter numbers",
  pickMost: (n: number) => `At most ${n} can be chosen at once.`,
  useAll: "All numbers",
  apply: "Apply",
  noNumberFits: "No number fits.",
};
