using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Npgsql;
using PointSystem.ServiceDefaults;

namespace PointSystem.Tests.Fuzz;

/// <summary>
/// Requests made from the OpenAPI document, most of them with faults, to a replica and through the gateway: each is answered or its connection closed, never
/// with a 5xx while the database is there, every refusal is a problem, the two sides answer alike, and the ledger has what was accepted and nothing else.
/// </summary>
/// <remarks>
/// <c>POINTSYSTEM_FUZZ_REQUESTS</c> is the number of requests, without which nothing runs; <c>POINTSYSTEM_FUZZ_SEED</c> repeats a run.
/// </remarks>
public sealed partial class FuzzTests : IAsyncLifetime
{
    private const string RequestsVariable = "POINTSYSTEM_FUZZ_REQUESTS";
    private const int Workers = 8;
    private const int FaultsMax = 60;
    private static readonly TimeSpan HangLimit = TimeSpan.FromSeconds(30);
    private static readonly string[] Leaks = ["   at ", "Npgsql", "System.", "SELECT ", "INSERT ", "StackTrace", "PointSystem.Api", "Exception"];
    private static readonly int Requests = Setting(RequestsVariable) ?? 0;
    private readonly int _seed = Setting("POINTSYSTEM_FUZZ_SEED") ?? Random.Shared.Next(1_000_000);
    private readonly FuzzEffects _effects = new();
    private readonly ConcurrentDictionary<string, int> _answers = new();
    private readonly ConcurrentDictionary<string, string> _faults = new();
    private LocalCluster _cluster = null!;
    private RequestFuzzer _fuzzer = null!;

    public async ValueTask InitializeAsync()
    {
        if (Requests == 0)
        {
            return;
        }
        _cluster = await ClusterFixture.StartOwnAsync(options => options.Replicas = 2, Token);
        using var client = new PointsClient(_cluster.GatewayUrl);
        _fuzzer = new RequestFuzzer((await client.GetAsync("/openapi/v1.json")).Expect(HttpStatusCode.OK).Json);
    }

    public async ValueTask DisposeAsync()
    {
        if (Requests > 0)
        {
            await ClusterFixture.DeleteAsync(_cluster);
        }
    }

    [Fact]
    public async Task Requests_OfEveryKind_AreAnsweredInOrderAndRefusalsHaveNoEffect()
    {
        Assert.SkipWhen(Requests == 0, $"{RequestsVariable} is not set.");
        Needs.OwnPostgres();
        Assert.True(_fuzzer.Operations > 20, "The document has operations.");

        var (disturbed, away, afterwards) = (Requests / 20, Math.Min(Requests / 40, 400), Requests / 40);
        // Both sides in turn, so two requests for each step.
        await RunAsync(phase: 1, (Requests - disturbed - away - afterwards + 1) / 2, CompareAsync);
        AssertNoFault();
        await CheckLedgerAsync();

        await using (var database = NpgsqlDataSource.Create(_cluster.ConnectionString))
        {
            var fuzzing = RunAsync(phase: 2, disturbed, DisturbAsync);
            while (!fuzzing.IsCompleted)
            {
                await database.ExecuteAsync(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
                await Task.WhenAny(fuzzing, Task.Delay(TimeSpan.FromMilliseconds(200), Token));
            }
        }
        AssertNoFault();

        _cluster.Postgres.AutoRestart = false;
        await _cluster.Postgres.KillAsync(Token);
        await RunAsync(phase: 3, away, DisturbAsync);
        AssertNoFault();
        _cluster.Postgres.Start();
        await _cluster.Postgres.WaitUntilReadyAsync(TimeSpan.FromSeconds(60), Token);
        foreach (var replica in _cluster.Replicas)
        {
            await replica.WaitUntilReadyAsync(TimeSpan.FromSeconds(60), Token);
        }
        await RunAsync(phase: 4, (afterwards + 1) / 2, CompareAsync);
        AssertNoFault();
        await CheckLedgerAsync();
        TestContext.Current.TestOutputHelper!.WriteLine(Report());
        Assert.True(_answers.Where(answer => answer.Key.StartsWith('2')).Sum(answer => answer.Value) > Requests / 10, Report());
    }

    /// <summary>Sends as many steps as that, by several workers at a time, each with its own connections and members.</summary>
    private async Task RunAsync(int phase, int steps, Func<Worker, int, Task> step)
    {
        await Parallel.ForAsync(0, Workers, new ParallelOptions { MaxDegreeOfParallelism = Workers, CancellationToken = Token }, async (number, _) =>
        {
            using var worker = new Worker(number, _cluster);
            await worker.RenewAsync(_effects);
            for (var at = number; at < steps && _faults.Count < FaultsMax; at += Workers)
            {
                // Prime factors, so that no two steps of a run have the same seed.
                await step(worker, unchecked((_seed * 1_000_003) + (phase * 500_009) + at));
            }
        });
    }

    /// <summary>The same request to a replica and through the gateway.</summary>
    private async Task CompareAsync(Worker worker, int seed)
    {
        var direct = await ExchangeAsync(worker.Direct, seed, isDisturbed: false);
        var gateway = await ExchangeAsync(worker.Gateway, seed, isDisturbed: false);
        if ((direct.Answer?.Status, direct.Answer?.Code) == (gateway.Answer?.Status, gateway.Answer?.Code))
        {
            return;
        }

        // One of them may have had an effect, and the histories are no longer the same.
        await worker.RenewAsync(_effects);
        if (!MayDiffer(direct, gateway))
        {
            AddFault($"not alike: {Show(direct.Answer)} from the replica, {Show(gateway.Answer)} from the gateway", direct.Request, gateway.Answer);
        }
    }

    private async Task DisturbAsync(Worker worker, int seed) => await ExchangeAsync(seed % 2 == 0 ? worker.Direct : worker.Gateway, seed, isDisturbed: true);

    private async Task<(FuzzRequest Request, RawAnswer? Answer)> ExchangeAsync(Side side, int seed, bool isDisturbed)
    {
        var request = _fuzzer.Create(seed, side.World);
        RawAnswer? answer = null;
        string? fault;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
        limit.CancelAfter(HangLimit);
        try
        {
            answer = await side.ExchangeAsync(request, limit.Token);
            fault = FaultOf(request, answer, isDisturbed);
            _answers.AddOrUpdate(Show(answer), 1, (_, count) => count + 1);
            _effects.Add(request, answer, side.World);
        }
        catch (OperationCanceledException) when (!Token.IsCancellationRequested)
        {
            fault = $"no answer within {HangLimit.TotalSeconds} s";
        }
        catch (InvalidDataException broken)
        {
            // Whoever stops in the middle of a request may lose the end of an answer that came before it.
            fault = request.MayBeDropped ? null : broken.Message;
        }

        if (fault is not null)
        {
            AddFault($"{fault}, from {side.Name}: {Show(answer)}", request, answer, side.Previous);
        }

        return (request, answer);
    }

    // One example of each.
    private void AddFault(string fault, FuzzRequest request, RawAnswer? answer, string previous = "") => _faults.TryAdd(
        fault, $"{request.Operation}\n{request}\n{answer?.Text}\n{ClusterLogs.Of(answer?.Json()?["traceId"]?.ToString() ?? "")}{previous}");

    private static string? FaultOf(FuzzRequest request, RawAnswer? answer, bool isDisturbed)
    {
        if (answer is null)
        {
            return request.MayBeDropped || request.MayBeRefusedUnread ? null : "closed without an answer";
        }

        if (answer.Status < 400)
        {
            return answer.Status is >= 200 and < 300 ? null : "neither done nor refused";
        }

        var isUnread = request.MayBeRefusedUnread && answer.Body.Length == 0 && answer.Status is 400 or 405 or 408 or 414 or 431 or 505;
        if (isUnread)
        {
            return null;
        }

        if (answer.Status >= 500 && !(isDisturbed && answer.Status is 502 or 503 or 504))
        {
            return "a fault of the service";
        }

        if (request.Method == "HEAD")
        {
            return null;
        }

        return ProblemFaultOf(answer)
            ?? (request.Declared is { } declared && !declared.Contains(answer.Status) ? "a status that the document does not declare" : null);
    }

    private static string? ProblemFaultOf(RawAnswer answer)
    {
        var type = answer.Headers.GetValueOrDefault("content-type", "");
        if (!type.StartsWith("application/problem+json", StringComparison.Ordinal) || answer.Json() is not { } problem)
        {
            return "a refusal without a problem";
        }

        var status = answer.Status.ToString(CultureInfo.InvariantCulture);
        var published = ProblemCodes.All.FirstOrDefault(code => code.Code == answer.Code);
        return published is null ? "an unknown code"
            : published.Status != answer.Status || problem["status"]?.ToString() != status ? "a wrong status in the problem"
            : problem["type"]?.ToString() != published.Type || problem["title"]?.ToString() != published.Title ? "a wrong type or title"
            : problem["detail"]?.ToString().EndsWith('.') != true ? "no sentence"
            : !TraceId().IsMatch(problem["traceId"]?.ToString() ?? "") ? "no trace id"
            : published.RetryAfterSeconds?.ToString(CultureInfo.InvariantCulture) != answer.Headers.GetValueOrDefault("retry-after") ? "a wrong Retry-After"
            : (answer.Status == 400) != problem["errors"] is JsonObject { Count: > 0 } ? "errors where there are none, or the reverse"
            : answer.Status == 401 && !answer.Headers.ContainsKey("www-authenticate") ? "no WWW-Authenticate"
            : answer.Status == 405 && !answer.Headers.ContainsKey("allow") ? "no Allow"
            : Leaks.FirstOrDefault(leak => answer.Text.Contains(leak, StringComparison.Ordinal)) is { } leaked ? $"internals ({leaked})"
            : null;
    }

    private static bool MayDiffer((FuzzRequest Request, RawAnswer? Answer) direct, (FuzzRequest Request, RawAnswer? Answer) gateway)
    {
        // 400 as well: whether a shortened key is one at all depends on its characters, and whether the cursor is looked at depends on that.
        static bool IsDecidedByState(RawAnswer? answer) => answer?.Status is (>= 200 and < 300) or 400 or 404 or 409 or 422 or 423;
        return (direct.Request.SharesState && IsDecidedByState(direct.Answer) && IsDecidedByState(gateway.Answer))
            // Whether a request without an end is answered or dropped depends on what was read first.
            || direct.Request.MayBeDropped
            || (direct.Request.HasBadBody && gateway.Answer?.Status is 400 or 408 or 413)
            // Both say that there is no such thing.
            || (direct.Answer?.Status is 404 or 405 && gateway.Answer?.Status is 404 or 405)
            // The head that the gateway takes may be smaller than that of a replica, which gets the gateway's own headers as well.
            || gateway.Answer?.Status == 431
            // The gateway's client cannot send it.
            || (direct.Request.Method == "CONNECT" && gateway.Answer?.Status == 400);
    }

    /// <summary>The ledger has exactly the effects of the accepted requests, and every member's books balance.</summary>
    private async Task CheckLedgerAsync()
    {
        var rows = await Books.RowsAsync(
            _cluster.ConnectionString,
            "SELECT kind || ' ' || point_key, sum(delta)::bigint FROM point_ledger_entries WHERE kind <> 'EXPIRE' GROUP BY kind, point_key",
            row => (Effect: row.GetString(0), Sum: row.GetInt64(1)));
        _effects.AssertAre(rows.ToDictionary(row => row.Effect, row => row.Sum));
        var members = await Books.RowsAsync(_cluster.ConnectionString, "SELECT member_id FROM member_wallets", row => row.GetInt64(0));
        await Books.AssertBalancedAsync(_cluster.ConnectionString, [.. members]);
        using var client = new PointsClient(_cluster.GatewayUrl, _cluster.AdminToken);
        Answer run = null!;
        // One of the requests may have started a run.
        await Eventually.HoldsAsync(
            async () => (run = await client.PostAsync("/api/admin/points/reconciliation/all", new { })).Status == HttpStatusCode.Accepted, () => run.Text);
        var address = $"/api/admin/points/reconciliation/all/{run.NumberOf("runId")}";
        await Eventually.HoldsAsync(async () => (run = await client.GetAsync(address)).TextOf("status") == "COMPLETED", () => run.Text);
        Assert.Equal(run.NumberOf("members"), run.NumberOf("matched"));
        Assert.Equal(members.Count, run.NumberOf("members"));
        Assert.Empty(await Books.TextsAsync(
            _cluster.ConnectionString, "SELECT DISTINCT config_key FROM point_config_history WHERE config_key <> 'LOCKING_CANARY_PERCENT'"));
    }

    private void AssertNoFault()
    {
        if (!_faults.IsEmpty)
        {
            var faults = string.Join("\n\n", _faults.Select(fault => $"{fault.Key}, for {fault.Value}"));
            Assert.Fail($"POINTSYSTEM_FUZZ_SEED={_seed} POINTSYSTEM_FUZZ_REQUESTS={Requests}\n{faults}\n{Report()}");
        }
    }

    private string Report() => $"{_answers.Values.Sum()} requests, seed {_seed}: "
        + string.Join(", ", _answers.OrderBy(answer => answer.Key, StringComparer.Ordinal).Select(answer => $"{answer.Key}: {answer.Value}"));

    private static string Show(RawAnswer? answer) => answer is null ? "closed" : $"{answer.Status} {answer.Code}".Trim();

    private static int? Setting(string name) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    [GeneratedRegex("^[0-9a-f]{32}$")]
    private static partial Regex TraceId();

    /// <summary>Sends one request after the other, on a connection that it keeps where HTTP allows.</summary>
    private sealed class Side(string name, Uri address) : IDisposable
    {
        private RawConnection? _connection;
        private string _latest = "";

        public string Name { get; } = name;

        public FuzzWorld World { get; set; } = null!;

        /// <summary>What came before on the same connection.</summary>
        public string Previous { get; private set; } = "";

        public async Task<RawAnswer?> ExchangeAsync(FuzzRequest request, CancellationToken cancellationToken)
        {
            var isDone = false;
            try
            {
                if (_connection is null)
                {
                    _connection = await RawConnection.OpenAsync(address, cancellationToken);
                    _latest = "";
                }

                Previous = _latest;
                var answer = await _connection.ExchangeAsync(request, cancellationToken);
                _latest = $"\nafter {Show(answer)} to\n{request}";
                isDone = true;
                return answer;
            }
            finally
            {
                if (!isDone || request.IsLast || !_connection!.IsReusable)
                {
                    Dispose();
                }
            }
        }

        public void Dispose()
        {
            _connection?.Dispose();
            _connection = null;
        }
    }

    private sealed class Worker(int number, LocalCluster cluster) : IDisposable
    {
        private static int s_worlds;

        public Side Direct { get; } = new("a replica", cluster.Replicas[number % cluster.Replicas.Count].Url);

        public Side Gateway { get; } = new("the gateway", cluster.GatewayUrl);

        /// <summary>Gives both sides new members with some points, if the database is there.</summary>
        public async Task RenewAsync(FuzzEffects effects)
        {
            var world = Interlocked.Increment(ref s_worlds);
            foreach (var side in new[] { Direct, Gateway })
            {
                side.World = new FuzzWorld($"{(side == Direct ? "d" : "g")}{world}", cluster.AdminToken);
                foreach (var amount in new[] { 500, 300, 200 })
                {
                    var body = $$"""{"memberId":{{side.World.Member}},"amount":{{amount}}}""";
                    var head = $"POST /api/points/accumulate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n";
                    var request = new FuzzRequest { Operation = "", Method = "POST", Bytes = Encoding.ASCII.GetBytes(head + body) };
                    effects.Add(request, await side.ExchangeAsync(request, Token), side.World);
                }
            }
        }

        public void Dispose()
        {
            Direct.Dispose();
            Gateway.Dispose();
        }
    }
}
