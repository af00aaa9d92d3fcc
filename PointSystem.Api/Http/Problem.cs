using System.Text.Json.Serialization;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Http;

/// <summary>The body of every 4xx and 5xx answer: RFC 9457 problem details with a stable code.</summary>
internal sealed record Problem
{
    /// <summary>URI of the sort of problem; one for each code.</summary>
    public required string Type { get; init; }

    /// <summary>The sort of problem in a few words; the same for every problem of that code.</summary>
    public required string Title { get; init; }

    /// <summary>The HTTP status.</summary>
    public required int Status { get; init; }

    /// <summary>What happened this time, as a sentence for people.</summary>
    public required string Detail { get; init; }

    /// <summary>What programs branch on, e.g. <c>INSUFFICIENT_POINT</c>.</summary>
    public required string Code { get; init; }

    /// <summary>W3C trace id: quote it to support, it finds the logs and the trace.</summary>
    public string TraceId { get; init; } = "";

    /// <summary>With status 400: what is wrong with each field at fault.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, string[]>? Errors { get; init; }

    /// <summary>With <c>INSUFFICIENT_POINT</c>: the member's usable points.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Available { get; init; }

    /// <summary>With <c>INSUFFICIENT_POINT</c>: the points asked for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Requested { get; init; }

    /// <summary>A problem whose type, title and status follow from its code (<see cref="ProblemCodes"/>).</summary>
    public static Problem Of(string code, string detail)
    {
        var published = ProblemCodes.Get(code);
        return new Problem { Type = published.Type, Title = published.Title, Status = published.Status, Detail = detail, Code = code };
    }
}
