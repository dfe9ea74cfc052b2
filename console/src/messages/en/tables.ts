// English texts of the tables and the heat map of Metrics and of reading its chart, which come later.

export const toReconcile = "Compare with the provider's own counts";

export const tables = {
  settling: "Still settling: deliveries are reported for up to a day",
  share: "Share of sent",
  trend: "Sent over time",
  number: "Phone number",
  interval: "Interval",
  hoursWhat: (zone: string) => `Messages sent per hour, averaged over the range; hours of ${zone}`,
  hourOf: (day: string, hour: string, n: string) => `${day} ${hour}:00: ${n} an hour`,
};
