using System.Text.Json;
using System.Text.Json.Serialization;

namespace PointSystem.Api.Features.Points;

/// <summary>Generated serializers of the answers that are written on the hot path.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(AccumulationResponse))]
[JsonSerializable(typeof(UsageResponse))]
[JsonSerializable(typeof(CancellationResponse))]
[JsonSerializable(typeof(TransferResponse))]
internal sealed partial class PointsJson : JsonSerializerContext;
