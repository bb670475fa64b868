// swift-tools-version: 6.2
// Fuzz targets of every reader: a package of its own, so that users of dpflsim build none of it.
import PackageDescription

let package = Package(
  name: "dpflsim-fuzzing",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "dpflsim", path: "..")],
  targets: [
    .systemLibrary(name: "CLibFuzzer"),
    .executableTarget(
      name: "Fuzz",
      dependencies: [
        "CLibFuzzer",
        .product(name: "DPFLSim", package: "dpflsim"),
        .product(name: "DPFLSimResults", package: "dpflsim"),
      ],
      swiftSettings: [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
