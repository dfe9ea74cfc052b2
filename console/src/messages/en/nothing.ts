// English texts of Metrics where there is nothing to show, which are loaded when that is so.

export const nothing = {
  emptyTitle: "Nothing was counted in this range",
  emptyNumbers: "This space has numbers, but none of their messages fall into the range. Choose a longer one, or see whether events arrive.",
  emptyNew: "No event of this space's numbers has arrived yet. Messages are counted from the reports that a webhook brings.",
  toIngest: "See what arrives",
  toWebhooks: "Set up a webhook",
  noSpaces: "There is no space that you may look at",
  noSpacesWhat: "A space holds phone numbers and has a time zone. Make one, or ask for a grant.",
  toSpaces: "Spaces",
  unkept: "This range is before what is kept",
  unkeptWhat: (when: string) => `Counts before ${when} are no longer kept. What was counted then cannot be told, so no zero stands here.`,
  cut: (when: string) => `Counts before ${when} are no longer kept.`,
  unread: "None of the chosen numbers could be read",
  unreadWhat: "What they sent is not known, so no zero stands here. Try again, or choose numbers that the space has.",
};
