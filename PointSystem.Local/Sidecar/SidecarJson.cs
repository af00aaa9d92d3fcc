using System.Text.Json.Serialization;

namespace PointSystem.Local.Sidecar;

internal sealed record TryLockBody(bool Success);

/// <summary>The unlock status is a number over HTTP: 0 released, 1 no such lock, 2 held by another owner, 3 internal error.</summary>
internal sealed record UnlockBody(int Status);

internal sealed record MetadataBody(
    string Id, string RuntimeVersion, IReadOnlyList<MetadataComponent> Components, IReadOnlyDictionary<string, string> Extended);

internal sealed record MetadataComponent(string Name, string Type, string Version);

/// <summary>Source-generated serializers: reflection would cost memory in a process that should stay small.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(TryLockBody))]
[JsonSerializable(typeof(UnlockBody))]
[JsonSerializable(typeof(MetadataBody))]
[JsonSerializable(typeof(ApiErrorBody))]
internal sealed partial class SidecarJson : JsonSerializerContext;
