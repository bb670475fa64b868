// Whether a field looks like a date, as spreadsheets, databases and forms write them.

enum DateText {
  /// Whether a field is such as `2024-03-01`, `2024/3/1`, `01.03.2024` or `3/1/24`, alone or with a time of day.
  static func isDate(_ field: String) -> Bool {
    let bytes = field.utf8
    guard (6...40).contains(bytes.count) else { return false }
    let end = bytes.firstIndex { $0 == UInt8(ascii: "T") || $0 == UInt8(ascii: " ") }
    guard isDay(bytes[..<(end ?? bytes.endIndex)]) else { return false }
    return end.map { isTime(bytes[bytes.index(after: $0)...]) } ?? true
  }

  private static func isDay(_ text: Substring.UTF8View) -> Bool {
    for separator in [UInt8(ascii: "-"), UInt8(ascii: "/"), UInt8(ascii: ".")] {
      let parts = text.split(separator: separator, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let numbers = parts.compactMap { number($0) }
      guard numbers.count == 3, parts[1].count <= 2 else { return false }
      if parts[0].count == 4 { return parts[2].count <= 2 && isDay(numbers[2], of: numbers[1]) }
      // Years of two digits with slashes alone: with points they are versions as often.
      let hasYear = parts[2].count == 4 || parts[2].count == 2 && separator == UInt8(ascii: "/")
      return hasYear && parts[0].count <= 2
        && (isDay(numbers[0], of: numbers[1]) || isDay(numbers[1], of: numbers[0]))
    }
    return false
  }

  private static func isDay(_ day: Int, of month: Int) -> Bool {
    (1...31).contains(day) && (1...12).contains(month)
  }

  /// Whether a text begins as a time of day does.
  private static func isTime(_ text: Substring.UTF8View) -> Bool {
    let parts = text.split(separator: UInt8(ascii: ":"), maxSplits: 1)
    return parts.count == 2 && (number(parts[0]) ?? 24) < 24
      && (number(parts[1].prefix(2)) ?? 60) < 60
  }

  /// A number of decimal digits alone.
  private static func number(_ text: Substring.UTF8View.SubSequence) -> Int? {
    guard text.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
      return nil
    }
    return Int(Substring(text))
  }
}
