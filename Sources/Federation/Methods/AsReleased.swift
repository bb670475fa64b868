// The published code of R-DPCFL, faults included, for comparison.

enum AsReleased {
  static let note =
    "method.variant as-released: reproduces the faults of the published code; see docs/method.md"
}
