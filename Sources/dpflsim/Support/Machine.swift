// What is stored about the machine that ran: a line for people, and the memory the process took.

import Foundation

/// This machine and this process.
enum Machine {
  static var cores: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }

  /// The cores that this process may use, as the system writes them: "0-3,8".
  static var coreList: String { field("Cpus_allowed_list", of: "/proc/self/status") ?? "" }

  /// Bytes that are built in.
  static var memory: Int { Int(clamping: ProcessInfo.processInfo.physicalMemory) }

  /// Such as "Debian GNU/Linux 12 (bookworm), 2 cores, AMD EPYC 7B13, 24 GB".
  static var description: String {
    let info = ProcessInfo.processInfo
    var parts = [info.operatingSystemVersionString, "\(cores) cores"]
    if let model = field("model name", of: "/proc/cpuinfo") { parts.append(model) }
    parts.append("\(memory / 1_000_000_000) GB")
    return parts.joined(separator: ", ")
  }

  /// The most memory this process has held, in bytes; nil where the system does not tell.
  ///
  /// Read from /proc: `getrusage` also counts what ran in this process before the program was loaded.
  static var peakMemory: Int? {
    guard let text = field("VmHWM", of: "/proc/self/status"),
      let kilobytes = text.split(separator: " ").first.flatMap({ Int($0) })
    else { return nil }
    return kilobytes * 1024
  }

  /// The value of the first line `NAME : VALUE` of a file.
  private static func field(_ name: String, of file: String) -> String? {
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix(name) {
      guard let colon = line.firstIndex(of: ":") else { continue }
      return line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
    return nil
  }
}
