// What the argument parser finds wrong, in the form of every other problem: PLACE: WHAT; HOW TO FIX IT.

import ArgumentParser
import Foundation

/// A wrong call as one sentence.
public struct UsageProblem: Sendable, Hashable, CustomStringConvertible {
  public let description: String

  /// - Parameters:
  ///   - message: of the argument parser.
  ///   - arguments: of the program, without its name.
  public init(_ message: String, arguments: [String]) {
    let path = Self.commandPath(of: arguments, in: DPFLSim.self)
    let command = path.joined(separator: " ")
    let what = message.split(whereSeparator: \.isNewline)
      .map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ")
      .trimmingSuffix(".").replacing(". Did you mean", with: "; did you mean")
    let option = what.firstMatch(of: /Unknown option '(--[a-z-]+)'/).map { String($0.output.1) }
    if let option, path.isEmpty, Self.common[option] != nil {
      description =
        "\(option): stands before the command; write it behind, as in: dpflsim runs \(option) …"
    } else if let option, let reason = Self.common[option] {
      description =
        "\(command): \(option) has no meaning here, as this command \(reason); leave it out"
    } else {
      let place = path.isEmpty ? "" : command + ": "
      let help = (["dpflsim"] + path + ["--help"]).joined(separator: " ")
      let fix = what.contains("; ") ? "" : "; `\(help)` says what there is"
      description = place + what + fix
    }
  }

  /// Options that mean the same wherever they are, with what a command without them does instead.
  static let common = [
    "--store": "uses no store of runs", "--format": "writes one form of answer",
    "--set": "reads no scenario", "--seed": "draws nothing from a scenario's seed",
    "--workers": "does no work that cores could share", "--quiet": "shows no progress",
    "--no-color": "writes no colours",
  ]

  /// The names of the commands that arguments call, from the outermost to the innermost.
  private static func commandPath(
    of arguments: [String], in command: any ParsableCommand.Type
  ) -> [String] {
    guard let name = arguments.first else { return [] }
    let inner = command.configuration.subcommands.first {
      $0.configuration.commandName == name || $0._commandName == name
    }
    guard let inner else { return [] }
    return [name] + commandPath(of: Array(arguments.dropFirst()), in: inner)
  }
}

extension String {
  fileprivate func trimmingSuffix(_ suffix: String) -> String {
    hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
  }
}
