// The name of a run: sorts by time, says which scenario, and is safe in a path.

public import Foundation

/// A run's name, such as `20261122-101530-skewed-7f3a21`: UTC time, scenario, random digits.
public enum RunID {
  /// A new name. Two of the same scenario and second agree with probability 2⁻²⁴; the store then asks
  /// for another one.
  public static func make(
    scenario: String, at date: Date, using generator: inout some RandomNumberGenerator
  ) -> String {
    let digits = String(UInt32.random(in: 0..<1 << 24, using: &generator), radix: 16)
    let padded = String(repeating: "0", count: 6 - digits.count) + digits
    return "\(stamp(date))-\(scenario)-\(padded)"
  }

  /// Whether a text can be the name of a run, and so of a folder.
  public static func isValid(_ text: String) -> Bool {
    guard let first = text.utf8.first, (0x30...0x39).contains(first) else { return false }
    return isPathPart(text)
  }

  /// Whether a text is safe as the name of a file: letters, digits, `.`, `_` and `-`, no dot in front.
  static func isPathPart(_ text: String) -> Bool {
    guard let first = text.utf8.first, first != UInt8(ascii: "."), text.utf8.count <= 100 else {
      return false
    }
    return text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "-"):
        true
      default: false
      }
    }
  }

  private static func stamp(_ date: Date) -> String {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    let parts = calendar.dateComponents(
      [.year, .month, .day, .hour, .minute, .second], from: date)
    func digits(_ value: Int?, _ count: Int) -> String {
      let text = String(value ?? 0)
      return String(repeating: "0", count: max(0, count - text.count)) + text
    }
    return digits(parts.year, 4) + digits(parts.month, 2) + digits(parts.day, 2) + "-"
      + digits(parts.hour, 2) + digits(parts.minute, 2) + digits(parts.second, 2)
  }
}
