// Numbers as people read them. An ε is only ever rounded up, and a lower bound of one down: a table must not guarantee
// too much, nor refute too much.

import Foundation

/// Numbers in words and digits, the same in every language of the machine.
public enum NumberText {
  /// A fixed number of decimals; "–" for nothing, and words for what is no number.
  public static func decimal(_ value: Double?, _ places: Int) -> String {
    guard let value else { return "–" }
    if value.isNaN { return "undefined" }
    if value.isInfinite { return value > 0 ? "∞" : "-∞" }
    return String(format: "%.\(places)f", value)
  }

  /// A share between 0 and 1 in per cent with one decimal.
  public static func percent(_ share: Double?) -> String {
    guard let share, share.isFinite else { return decimal(share, 1) }
    return decimal(100 * share, 1) + " %"
  }

  /// A difference of two shares in points of per cent.
  public static func points(_ difference: Double?) -> String {
    decimal(difference.map { 100 * $0 }, 1) + " points"
  }

  /// An ε with three decimals, or three digits where it is below a thousandth, rounded up; "∞" where there is none.
  public static func epsilon(_ value: Double?) -> String {
    guard let value, value.isFinite else { return "∞" }
    return value > 0 && value < 0.001
      ? exact(threeDigits(value)) : decimal((value * 1000).rounded(.up) / 1000, 3)
  }

  /// An ε that was to keep to a target: rounded up, and where that passes the target, the target itself, which is above
  /// the truth too.
  public static func epsilon(_ value: Double?, within target: Double?) -> String {
    let text = epsilon(value)
    guard let value, let target, value <= target, let shown = Double(text), shown > target else {
      return text
    }
    return exact(target)
  }

  /// The least number with three digits that is not below a positive one.
  private static func threeDigits(_ value: Double) -> Double {
    let near = Double(String(format: "%.2e", value)) ?? value
    guard near < value else { return near }
    // Written anew from its digits, since a sum of powers of ten would show more of them.
    let unit = pow(10, floor(log10(value)) - 2)
    return Double(String(format: "%.2e", value + 0.75 * unit)) ?? value
  }

  /// A lower bound of an ε with three decimals, rounded down; "–" for nothing.
  public static func lowerBound(_ value: Double?) -> String {
    guard let value, value.isFinite else { return decimal(value, 3) }
    return decimal((value * 1000).rounded(.down) / 1000, 3)
  }

  /// The shortest digits that read back as the same number: δ, targets, rates.
  public static func exact(_ value: Double?) -> String {
    guard let value else { return "–" }
    if value.isFinite, value.magnitude < 1e15, value == value.rounded() {
      return String(Int(value))
    }
    return value.description
  }

  /// Bytes in units of 1000, as disks and networks count.
  public static func bytes(_ count: Int) -> String {
    var value = Double(count)
    for unit in ["B", "kB", "MB", "GB"] {
      if value < 999.5 { return decimal(value, unit == "B" || value >= 99.5 ? 0 : 1) + " " + unit }
      value /= 1000
    }
    return decimal(value, 1) + " TB"
  }

  /// A time such as "0.4 s", "12.3 s", "4 min 05 s", "3 h 20 min".
  public static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "?" }
    if seconds < 59.95 { return decimal(seconds, 1) + " s" }
    let whole = Int(seconds.rounded())
    if whole < 3600 { return "\(whole / 60) min \(twoDigits(whole % 60)) s" }
    return "\(whole / 3600) h \(twoDigits(whole % 3600 / 60)) min"
  }

  /// Groups of three digits: 12,000.
  public static func grouped(_ value: Int) -> String {
    var digits = String(value.magnitude)
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    return (value < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
  }

  /// "1 client", "3 clients".
  public static func count(_ value: Int, _ noun: String) -> String {
    "\(grouped(value)) \(noun)\(value == 1 ? "" : "s")"
  }

  /// A few numbers of a list, and how many more there are.
  ///
  /// - Parameter names: what stands for a number; nil where nothing has a name.
  public static func list(
    _ values: [Int], named names: [String]? = nil, limit: Int = 12
  ) -> String {
    let shown = values.prefix(limit).map { value in
      names.flatMap { $0.indices.contains(value) ? $0[value].printable : nil } ?? "\(value)"
    }.joined(separator: ", ")
    return values.count > limit ? shown + " and \(values.count - limit) more" : shown
  }

  private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
