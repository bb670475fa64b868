// swift-tools-version: 6.2
// Benchmarks of the engine: a package of its own, so that users of dpflsim build none of it.
import PackageDescription

let house: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

let rooms = Target.Dependency.product(name: "DPFLSim", package: "dpflsim")

let package = Package(
  name: "dpflsim-benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "dpflsim", path: ".."),
    // Without its traits: they count allocations, for which they pull in two more packages.
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
  ],
  targets: [
    .target(name: "Workload", dependencies: [rooms], swiftSettings: house),
    .executableTarget(
      name: "Throughput",
      dependencies: [
        "Workload", rooms,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: house),
    .executableTarget(name: "TextThroughput", dependencies: [rooms], swiftSettings: house),
    .executableTarget(
      name: "EngineBenchmarks",
      dependencies: ["Workload", rooms, .product(name: "Benchmark", package: "benchmark")],
      path: "Benchmarks/EngineBenchmarks",
      swiftSettings: house,
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
  ],
  swiftLanguageModes: [.v6]
)
