extension [String] {
  /// The place of each name; the first of equal ones. For no more names than the number can count.
  func numbers<Number: FixedWidthInteger>() -> [String: Number] {
    Dictionary(
      enumerated().map { ($1, Number(truncatingIfNeeded: $0)) },
      uniquingKeysWith: { first, _ in first })
  }
}
