// Slurm by its commands: what is submitted, what is left, what is configured.

import Analysis
import Foundation

/// The commands of Slurm.
enum Slurm {
  /// - Returns: the number of the job.
  static func submit(_ arguments: [String]) throws -> String {
    let (status, output, errors) = try call("sbatch", arguments)
    guard status == 0, let job = output.split(separator: ";").first else {
      throw SweepError.slurm(reason: "sbatch refuses it: \(errors.isEmpty ? output : errors)")
    }
    return job.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Tasks of a job that wait or run; none if Slurm does not know the job any more.
  static func tasksLeft(of job: String) -> Int {
    guard let (status, output, _) = try? call("squeue", ["-h", "-r", "-j", job, "-o", "%i"]),
      status == 0
    else { return 0 }
    return output.split(separator: "\n").count
  }

  /// One more than the largest number of a task.
  static func maxArraySize() throws -> Int {
    try configured("MaxArraySize").flatMap { Int($0) } ?? 1001
  }

  /// The job that this process belongs to, as runs are stored with it; nil outside of Slurm.
  static var currentJob: String? {
    let environment = ProcessInfo.processInfo.environment
    guard let job = environment["SLURM_JOB_ID"], !job.isEmpty else { return nil }
    return "\(job)@\(environment["SLURM_CLUSTER_NAME"] ?? "")"
  }

  /// Whether the cluster that is asked from here once had this job and has it no more.
  static func isGone(_ stored: String) -> Bool {
    let parts = stored.split(separator: "@", omittingEmptySubsequences: false)
    guard parts.count == 2, let job = Int(parts[0]),
      let cluster = try? configured("ClusterName"), cluster == parts[1],
      let (status, output, errors) = try? call("squeue", ["-h", "-j", "\(job)", "-o", "%T"])
    else { return false }
    // Some minutes after its end a job is listed as ended, later it is unknown.
    let going = output.split(separator: "\n").filter { !endStates.contains(String($0)) }
    return status == 0 ? going.isEmpty : errors.contains("Invalid job id")
  }

  private static let endStates: Set<String> = [
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
    "PREEMPTED", "TIMEOUT",
  ]

  /// A setting of the cluster; nil if it has none of that name.
  ///
  /// - Throws: a `Failure` with status 69 if Slurm does not answer.
  private static func configured(_ name: String) throws -> String? {
    let (status, output, errors) = try call("scontrol", ["show", "config"])
    guard status == 0 else {
      let reason = (errors.isEmpty ? output : errors).split(separator: "\n").first ?? "no reason"
      throw Failure(
        .unavailable,
        "--slurm: Slurm does not answer (\(reason)); start it where Slurm is set up, or leave --slurm out"
      )
    }
    for line in output.split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1).map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      if parts.count == 2, parts[0] == name { return parts[1] }
    }
    return nil
  }

  private static func call(
    _ command: String, _ arguments: [String]
  ) throws -> (status: Int32, output: String, errors: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [command] + arguments
    let (output, errors) = (Pipe(), Pipe())
    (process.standardInput, process.standardOutput, process.standardError) = (
      FileHandle.nullDevice, output, errors
    )
    try process.run()
    func text(_ pipe: Pipe) -> String {
      String(decoding: (try? pipe.fileHandleForReading.readToEnd()) ?? Data(), as: UTF8.self)
        .trimmingCharacters(in: .whitespacesAndNewlines)
    }
    let (said, complained) = (text(output), text(errors))
    process.waitUntilExit()
    guard process.terminationStatus != 127 else {
      throw Failure(
        .unavailable,
        "--slurm: there is no \(command) here; start it where Slurm is, or leave --slurm out")
    }
    return (process.terminationStatus, said, complained)
  }
}
