// What a client takes that does nothing, as docs/cluster.md and the forecast for ranks state it.

import Testing

@Suite("Dormant clients")
struct DormantClientTests {
  /// Bytes at the peak of a run of so many clients, twenty of whom take part in a round.
  private static func peak(_ program: Program, clients: Int) throws -> Double {
    let run = try program.call(
      "run", Program.shipped("many-clients.json"), "--quiet", "--format", "json", "--workers", "1",
      "--set", "rounds=2", "--set", "evaluation.every=2", "--set", "cohort_size=20",
      "--set", "data.synthetic.train_examples=60000",
      "--set", "population.clusters[0].clients=\(clients / 5)",
      "--set", "population.clusters[1].clients=\(2 * clients / 5)",
      "--set", "population.clusters[2].clients=\(2 * clients / 5)")
    #expect(run.status == 0, "\(run.errors)")
    // The document as a whole is larger than what is read as JSON.
    let peak = try #require(run.output.firstMatch(of: /"peak_rss_bytes": ([0-9]+)/))
    return try #require(Double(peak.1))
  }

  @Test(
    "a dormant client takes about 1,400 bytes and four for each of its 80 examples",
    .disabled(if: Program.sanitizer != nil, "a sanitizer takes several times the memory"))
  func bytes() async throws {
    try await Program.inFolder { program in
      // What else the machine does can only add to a peak: the least of three counts.
      var (few, many) = (Double.infinity, Double.infinity)
      for _ in 0..<3 {
        few = min(few, try Self.peak(program, clients: 500))
        many = min(many, try Self.peak(program, clients: 10_500))
      }
      let stated: Double = 1_400 + 4 * 80
      #expect((many - few) / 10_000 <= 1.1 * stated)
    }
  }
}
