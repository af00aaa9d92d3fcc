using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace PointSystem.Tests.Fuzz;

/// <summary>
/// Makes requests from an OpenAPI document: for each operation valid ones, and such with one or several faults in method, address, query, headers, body or
/// framing. The same seed makes the same request.
/// </summary>
internal sealed partial class RequestFuzzer
{
    private const int FaultsMax = 3;
    private readonly List<Operation> _operations;

    public RequestFuzzer(JsonNode document) => _operations =
    [
        .. from path in document["paths"]!.AsObject()
           from operation in path.Value!.AsObject()
           select new Operation(
               operation.Key.ToUpperInvariant(),
               path.Key,
               [
                   .. (operation.Value!["parameters"]?.AsArray() ?? []).Select(parameter => new Parameter(
                       parameter!["name"]!.GetValue<string>(), parameter["in"]!.GetValue<string>(), parameter["schema"])),
               ],
               FieldsOf(document, operation.Value),
               operation.Value["responses"]!.AsObject().Select(response => int.Parse(response.Key, CultureInfo.InvariantCulture)).ToHashSet()),
    ];

    public int Operations => _operations.Count;

    /// <summary>Makes the request of a seed. Worlds with the same history get the same request, apart from their members and keys.</summary>
    public FuzzRequest Create(int seed, FuzzWorld world)
    {
        var random = new Random(seed);
        var draft = Valid(random, world);
        for (var faults = random.Next(3) == 0 ? 0 : 1 + random.Next(FaultsMax); faults > 0; faults--)
        {
            Faults[random.Next(Faults.Length)](draft);
        }

        return draft.ToRequest();
    }

    private Draft Valid(Random random, FuzzWorld world)
    {
        var operation = _operations[random.Next(_operations.Count)];
        var draft = new Draft(operation, random, world)
        {
            Path = InBraces().Replace(operation.Path, match => PathValue(random, world, operation, match.Groups[1].Value)),
            // The result of these depends on other requests: one run for all members at a time.
            SharesState = operation.Path.Contains("/reconciliation/all", StringComparison.Ordinal),
        };
        draft.Headers.Add(("Host", "points.test"));
        draft.Headers.Add(("Authorization", $"Bearer {world.Token}"));
        foreach (var parameter in operation.Parameters.Where(parameter => parameter.In == "query"))
        {
            if (random.Next(3) == 0)
            {
                draft.Query.Add($"{parameter.Name}={Uri.EscapeDataString(QueryValue(random, world, parameter))}");
            }
        }

        if (operation.Parameters.Any(parameter => parameter.Name == "Idempotency-Key"))
        {
            var choice = random.Next(6);
            var key = choice == 0 ? world.Pick(random, "idempotency", $"{world.Name}-first") : $"{world.Name}-{random.Next()}";
            if (choice < 3)
            {
                world.Keep("idempotency", key);
                draft.Headers.Add(("Idempotency-Key", key));
            }
        }

        foreach (var (name, schema) in operation.Fields)
        {
            draft.Fields.Add((name, FieldValue(random, world, name, schema)));
        }

        draft.HasBody = operation.Fields.Count > 0;
        return draft;
    }

    private static string PathValue(Random random, FuzzWorld world, Operation operation, string name) => name switch
    {
        "memberId" => (random.Next(4) == 0 ? world.Other : world.Member).ToString(CultureInfo.InvariantCulture),
        // Its value changes nothing that an answer depends on.
        "key" => "LOCKING_CANARY_PERCENT",
        "runId" => "1",
        _ => KeyFor(random, world, operation.Path.Split('/')[3]),
    };

    private static string KeyFor(Random random, FuzzWorld world, string place)
    {
        var prefix = place switch { "accumulate" or "accumulations" => "acc", "use" => "use", "cancellations" => "can", _ => "trf" };
        // Sometimes the key of something else.
        var other = new[] { "acc", "use", "can", "trf" }[random.Next(4)];
        return world.Pick(random, random.Next(12) == 0 ? other : prefix, prefix + "_AAAAAAAAAAAAAAAAAAAAAAA");
    }

    private static string QueryValue(Random random, FuzzWorld world, Parameter parameter)
    {
        var choices = parameter.Schema?["enum"]?.AsArray().Select(choice => choice!.ToString()).ToArray();
        return parameter.Name switch
        {
            _ when choices is { Length: > 0 } => choices[random.Next(choices.Length)],
            "cursor" or "after" => world.Pick(random, "cursor", "AAAA"),
            "asOf" => random.Next(2) == 0 ? "2026-01-31" : "2026-01-31T12:00:00+09:00",
            "orderNumber" => $"A{random.Next(10)}",
            _ => (1 + random.Next(100)).ToString(CultureInfo.InvariantCulture),
        };
    }

    private static string FieldValue(Random random, FuzzWorld world, string name, JsonNode? schema) => name switch
    {
        "memberId" or "fromMemberId" => world.Member.ToString(CultureInfo.InvariantCulture),
        "toMemberId" => world.Other.ToString(CultureInfo.InvariantCulture),
        "configValue" => random.Next(101).ToString(CultureInfo.InvariantCulture),
        "expirationDays" => (1 + random.Next(365)).ToString(CultureInfo.InvariantCulture),
        "orderNumber" => $"\"A{random.Next(10)}\"",
        _ => schema?["type"] is { } type && type.ToJsonString() is var types && types.Contains("integer", StringComparison.Ordinal)
            ? (1 + random.Next(name == "amount" && random.Next(3) > 0 ? 40 : 400)).ToString(CultureInfo.InvariantCulture)
            : schema?["type"]?.ToJsonString().Contains("boolean", StringComparison.Ordinal) == true ? random.Next(3) == 0 ? "true" : "false"
            : "\"Because\"",
    };

    private static List<(string Name, JsonNode? Schema)> FieldsOf(JsonNode document, JsonNode operation)
    {
        var schema = operation["requestBody"]?["content"]?["application/json"]?["schema"];
        if (schema?["$ref"]?.GetValue<string>() is { } reference)
        {
            schema = document["components"]!["schemas"]![reference.Split('/')[^1]];
        }

        return [.. (schema?["properties"]?.AsObject() ?? []).Select(property => (property.Key, property.Value))];
    }

    [GeneratedRegex(@"\{(\w+)\}")]
    private static partial Regex InBraces();

    private sealed record Parameter(string Name, string In, JsonNode? Schema);

    private sealed record Operation(
        string Method, string Path, IReadOnlyList<Parameter> Parameters, IReadOnlyList<(string Name, JsonNode? Schema)> Fields, IReadOnlySet<int> Declared);

    private enum Framing
    {
        Length,
        Chunked,
        Own,
    }

    /// <summary>A request that is being made.</summary>
    private sealed class Draft(Operation operation, Random random, FuzzWorld world)
    {
        public Operation Operation { get; } = operation;

        public Random Random { get; } = random;

        public FuzzWorld World { get; } = world;

        public string Method { get; set; } = operation.Method;

        public required string Path { get; set; }

        public string Version { get; set; } = "HTTP/1.1";

        public List<string> Query { get; } = [];

        public List<(string Name, string Value)> Headers { get; } = [];

        public List<(string Name, string Value)> Fields { get; } = [];

        public bool HasBody { get; set; }

        /// <summary>The content type; null for none.</summary>
        public string? ContentType { get; set; } = "application/json";

        /// <summary>Instead of the fields.</summary>
        public byte[]? Body { get; set; }

        /// <summary>Changes the bytes of the body.</summary>
        public List<Func<byte[], byte[]>> Rewrites { get; } = [];

        public Framing Framing { get; set; }

        /// <summary>With <see cref="Framing.Own"/>: the headers and the bytes for a body.</summary>
        public Func<byte[], (string Headers, byte[] Bytes)>? Frame { get; set; }

        public bool SharesState { get; set; }

        public bool IsElsewhere { get; set; }

        public bool HasBadBody { get; set; }

        public bool MayBeRefusedUnread { get; set; }

        public bool MayBeDropped { get; set; }

        public bool IsLast { get; set; }

        public bool EndsInput { get; set; }

        public FuzzRequest ToRequest()
        {
            var target = Path + (Query.Count == 0 ? "" : "?" + string.Join('&', Query));
            var head = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{Method} {target} {Version}\r\n");
            foreach (var (name, value) in Headers)
            {
                head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
            }

            byte[] bytes = [];
            if (HasBody)
            {
                var content = Body ?? Encoding.UTF8.GetBytes("{" + string.Join(',', Fields.Select(field => $"\"{field.Name}\":{field.Value}")) + "}");
                content = Rewrites.Aggregate(content, (body, rewrite) => rewrite(body));
                if (ContentType is not null)
                {
                    head.Append(CultureInfo.InvariantCulture, $"Content-Type: {ContentType}\r\n");
                }

                var (headers, framed) = Framing switch
                {
                    Framing.Length => ($"Content-Length: {content.Length}\r\n", content),
                    Framing.Chunked => ("Transfer-Encoding: chunked\r\n", Chunked(content, 1 + Random.Next(3))),
                    _ => Frame!(content),
                };
                head.Append(headers);
                bytes = framed;
                // Refused before it has arrived: the system resets the connection, and the answer may be lost.
                MayBeDropped |= content.Length > 64 * 1024;
                HasBadBody |= MayBeDropped;
            }

            // Header values are ASCII or UTF-8 for the web server.
            MayBeRefusedUnread |= head.ToString().AsSpan().ContainsAnyExceptInRange('\0', '\x7f');

            // Header values are bytes, as in HTTP; the characters of an address that is not ASCII are UTF-8.
            var text = head.Append("\r\n").ToString();
            var lineEnd = text.IndexOf("\r\n", StringComparison.Ordinal);
            return new FuzzRequest
            {
                Operation = $"{Operation.Method} {Operation.Path}",
                Method = Method,
                Bytes = [.. Encoding.UTF8.GetBytes(text[..lineEnd]), .. Encoding.Latin1.GetBytes(text[lineEnd..]), .. bytes],
                SharesState = SharesState,
                MayBeRefusedUnread = MayBeRefusedUnread,
                MayBeDropped = MayBeDropped || EndsInput,
                HasBadBody = HasBadBody,
                IsLast = IsLast || MayBeRefusedUnread || MayBeDropped || EndsInput,
                EndsInput = EndsInput,
                Declared = IsElsewhere || MayBeRefusedUnread || (HasBody && Operation.Fields.Count == 0) ? null : Operation.Declared,
            };
        }

        private static byte[] Chunked(byte[] content, int parts)
        {
            using var framed = new MemoryStream();
            var size = Math.Max(1, (content.Length + parts - 1) / parts);
            for (var at = 0; at < content.Length; at += size)
            {
                var length = Math.Min(size, content.Length - at);
                framed.Write(Encoding.ASCII.GetBytes($"{length:x}\r\n"));
                framed.Write(content, at, length);
                framed.Write("\r\n"u8);
            }

            framed.Write("0\r\n\r\n"u8);
            return framed.ToArray();
        }
    }
}
