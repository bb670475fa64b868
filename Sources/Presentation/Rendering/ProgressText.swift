// What a run says while it goes: a bar for a terminal, a line a round for a file.

public import Federation
import Formatting

/// The state of a run as its events tell it.
public struct ProgressText: Sendable {
  private let rounds: Int
  private let clusterNames: [String]
  private let clientNames: [String]?
  private var preparing: String?
  private var stage: RoundStage?
  private var finished: Int
  /// The round whose figures these are: not every round evaluates.
  private var evaluated = 0
  private var mean: Double?
  /// Of the true clusters, or of the clients where all are of one: their mean would hide every one of them.
  private var worst: (name: String, accuracy: Double)?
  private var worstNoun = "worst cluster"
  /// Seconds of the last rounds: the first ones of a run are often unlike the others.
  private var recent: [Double] = []
  private static let window = 5
  private static let barWidths = 6...24

  /// - Parameters:
  ///   - clientNames: nil calls clients by their numbers.
  ///   - finished: rounds done before this process.
  public init(
    rounds: Int, clusterNames: [String], clientNames: [String]? = nil, finished: Int = 0
  ) {
    self.clientNames = clientNames
    self.rounds = rounds
    self.finished = finished
    self.clusterNames = clusterNames
  }

  public mutating func receive(_ event: RunEvent) {
    switch event {
    case .preparing(let step): preparing = step
    case .started: preparing = nil
    case .announced, .released, .checkpoint: break
    case .finishedRound(let report):
      preparing = nil
      finished = report.round
      stage = report.stage
      recent = (recent + [report.seconds]).suffix(Self.window)
      // Rounds without evaluation leave the last known figures standing, with their round.
      guard let accuracy = report.clientMeanAccuracy else { return }
      evaluated = report.round
      mean = accuracy
      let tested = report.clients.filter { $0.testAccuracy != nil }
      let areClients = report.clusters.count == 1 && tested.count > 1
      worstNoun = areClients ? "worst client" : "worst cluster"
      let parties =
        areClients
        ? tested.map { (name: name(ofClient: $0.client), accuracy: $0.testAccuracy) }
        : report.clusters.map { (name: clusterNames[$0.cluster], accuracy: $0.testAccuracy) }
      worst = parties.compactMap { party in
        party.accuracy.map { (name: party.name, accuracy: $0) }
      }.min { $0.accuracy < $1.accuracy }
    }
  }

  private func name(ofClient client: Int) -> String {
    clientNames.flatMap { $0.indices.contains(client) ? $0[client] : nil } ?? "\(client)"
  }

  /// Seconds that the remaining rounds will take at the present pace; nil before the first round.
  public var secondsLeft: Double? {
    guard !recent.isEmpty else { return nil }
    return recent.reduce(0, +) / Double(recent.count) * Double(rounds - finished)
  }

  /// One line for a terminal of so many columns: the bar shrinks first, then the cluster's name goes.
  public func bar(width: Int, colors: Bool) -> String {
    if let preparing { return "\(preparing.printable) …".shortened(to: width) }
    let head = "round \(finished)/\(rounds) "
    let left = secondsLeft.map { ["\(NumberText.duration($0)) left"] } ?? []
    var tail = ""
    var room = 0
    for namesCluster in [true, false] {
      tail = (figures(namesCluster: namesCluster, isBrief: true) + left).map { ", \($0)" }.joined()
      room = width - head.count - tail.displayWidth
      if room >= Self.barWidths.lowerBound { break }
    }
    let columns = min(max(room, Self.barWidths.lowerBound), Self.barWidths.upperBound)
    let filled = rounds > 0 ? finished * columns / rounds : 0
    let bar =
      String(repeating: "█", count: filled) + String(repeating: "░", count: columns - filled)
    let text = (head + bar + tail).shortened(to: width)
    // Colours come last: they have no width, and must not be cut.
    guard colors, text.hasPrefix(head + bar) else { return text }
    return head + TextStyle.good.applied(to: bar, colors: true)
      + text.dropFirst(head.count + bar.count)
  }

  /// One line for the last event where nothing can be drawn over.
  public var line: String {
    if let preparing { return preparing.printable }
    guard finished > 0 else { return "training for \(NumberText.count(rounds, "round"))" }
    var parts = ["round \(finished)/\(rounds)"]
    if let stage { parts.append(stage.rawValue) }
    parts += figures(namesCluster: true, isBrief: false)
    if let seconds = recent.last { parts.append(NumberText.duration(seconds)) }
    if let secondsLeft, finished < rounds {
      parts.append("\(NumberText.duration(secondsLeft)) left")
    }
    return parts.joined(separator: ", ")
  }

  /// - Parameter isBrief: whether the round of old figures is said once, behind the last of them.
  private func figures(namesCluster: Bool, isBrief: Bool) -> [String] {
    let age = evaluated == finished ? nil : "round \(evaluated)"
    func figure(_ name: String, _ share: Double, _ remarks: [String?]) -> String {
      let known = remarks.compactMap { $0 }
      return "\(name) \(NumberText.percent(share))"
        + (known.isEmpty ? "" : " (\(known.joined(separator: ", ")))")
    }
    var figures: [String] = []
    if let mean { figures.append(figure("mean", mean, [isBrief && worst != nil ? nil : age])) }
    if let worst {
      figures.append(
        figure(
          worstNoun, worst.accuracy, [namesCluster ? worst.name.printable : nil, age]))
    }
    return figures
  }
}
