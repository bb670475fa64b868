// Standard output and standard error: what may be coloured, how wide a line may be, what cannot be
// written.

import Formatting
import Foundation
import Store

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The two streams of the process.
enum Terminal {
  enum Stream {
    case output
    case error

    var handle: FileHandle {
      switch self {
      case .output: .standardOutput
      case .error: .standardError
      }
    }
  }

  /// Whether lines on the stream can be drawn over and coloured.
  static func isLive(_ stream: Stream) -> Bool {
    isatty(stream.handle.fileDescriptor) == 1
      && ProcessInfo.processInfo.environment["TERM"] != "dumb"
  }

  /// Columns of the terminal; 80 if nobody tells.
  static var width: Int {
    var size = winsize()
    guard ioctl(FileHandle.standardError.fileDescriptor, UInt(TIOCGWINSZ), &size) == 0,
      size.ws_col > 0
    else { return 80 }
    return Int(size.ws_col)
  }

  /// Writes the answer of a command.
  static func write(_ text: String) throws(Failure) {
    try write(Data(text.utf8))
  }

  static func write(_ data: Data) throws(Failure) {
    do {
      try FileHandle.standardOutput.write(contentsOf: data)
    } catch {
      throw Failure(
        .cannotWrite, "standard output: cannot be written (\(StoreError.reason(of: error)))")
    }
  }

  /// Writes progress. Trouble is not worth ending a run for.
  static func report(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
  }

  /// Writes a sentence to standard error: on a terminal in lines that it has room for, elsewhere as one line.
  static func tell(_ sentence: String) {
    let text = sentence.printable
    let isTerminal = isatty(Stream.error.handle.fileDescriptor) == 1
    report((isTerminal ? text.wrapped(to: width) : [text]).joined(separator: "\n") + "\n")
  }

  /// Writes a line of progress, in lines of at most 80 characters where nobody says how wide it is.
  static func log(_ sentence: String) {
    report(sentence.printable.wrapped(to: width).joined(separator: "\n") + "\n")
  }

  /// Writes why a command fails, one problem a line.
  static func complain(_ message: String) {
    for line in message.split(separator: "\n") { tell("dpflsim: \(line)") }
  }
}
