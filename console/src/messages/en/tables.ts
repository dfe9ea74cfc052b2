// English texts of what stands below the tables of Metrics, apart from those that come first.

export const toReconcile = "Compare with the provider's own counts";
