using System.Net;
using Npgsql;

namespace PointSystem.Tests.Proof;

/// <summary>Where a write of the first replica can be stopped, between taking the lock and hearing that it was committed.</summary>
public enum WriteStep
{
    /// <summary>It holds the lock; what it asks of Postgres has not arrived.</summary>
    BeforeLoading,

    /// <summary>It holds the lock and waits for the row lock.</summary>
    WaitingForTheRow,

    /// <summary>It holds both; the answer has not arrived.</summary>
    Loaded,

    /// <summary>It holds both and has decided; what it writes has not arrived.</summary>
    Writing,

    /// <summary>It is committed; the answer has not arrived.</summary>
    Committed,
}

/// <summary>Brings a use of one point to a step, by its proxy to Postgres and by a row lock of the test's.</summary>
internal sealed class StoppedUse : IAsyncDisposable
{
    private const string IdleInTransaction =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pointsystem-api' AND state = 'idle in transaction'";

    private readonly ProofCluster _proof;
    private readonly PointsClient _client;
    private readonly NpgsqlConnection _row;
    private readonly string _key = Guid.NewGuid().ToString("n");

    private StoppedUse(ProofCluster proof, long member)
    {
        _proof = proof;
        _client = new PointsClient(proof.First.Url);
        _row = new NpgsqlConnection(proof.Database);
        Member = member;
        Request = Task.FromResult<Answer?>(null);
    }

    public long Member { get; }

    /// <summary>Its answer; null when the connection broke.</summary>
    public Task<Answer?> Request { get; private set; }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Sends the use and stops it at the step, for a member with 1,000 points.</summary>
    public static async Task<StoppedUse> AtAsync(ProofCluster proof, WriteStep step)
    {
        // A machine that stands still lets the waits of a request run out on its way to the step; then another request is sent.
        StoppedUse? use = null;
        await Eventually.HoldsAsync(
            async () =>
            {
                use = new StoppedUse(proof, await proof.MemberAsync(1_000));
                var isThere = false;
                try
                {
                    isThere = await use.StartAsync(step);
                }
                finally
                {
                    if (!isThere)
                    {
                        // What it holds back would otherwise be held back for every test that follows.
                        await use.DisposeAsync();
                    }
                }
                return isThere;
            },
            $"a use is stopped at the step {step}");
        return use!;
    }

    private async Task<bool> StartAsync(WriteStep step)
    {
        await _row.OpenAsync(Token);

        // So that the configuration is fresh, and no request waits for it while the proxy holds everything back.
        (await _client.AccumulateAsync(PointsClient.NewMember(), 1)).Expect(HttpStatusCode.Created);
        if (step == WriteStep.BeforeLoading)
        {
            _proof.ToDatabase.HoldRequests();
        }
        else
        {
            await OnRowAsync($"BEGIN; SELECT 1 FROM member_wallets WHERE member_id = {Member} FOR UPDATE");
        }
        Request = SendAsync();
        return await BringToAsync(step);
    }

    /// <summary>Whether Redis has the lock.</summary>
    public async Task<bool> IsLockedAsync()
    {
        await using var redis = await _proof.RedisAsync();
        return await redis.GetDatabase().KeyExistsAsync($"lock||point-api||point:use:member:{Member}");
    }

    /// <summary>Lets the network go on, and the row.</summary>
    public async Task ReleaseAsync()
    {
        await OnRowAsync("ROLLBACK");
        _proof.ToDatabase.ReleaseRequests();
        _proof.ToDatabase.ReleaseReplies();
    }

    /// <summary>How often the use has been done.</summary>
    public Task<long> DoneAsync() => Books.CountAsync(
        _proof.Database, "SELECT count(*) FROM point_usages WHERE member_id = $1 AND order_number = 'STOPPED'", Member);

    /// <summary>Sends the use again with its key, to the second replica, until it has a final answer.</summary>
    public async Task<Answer> RepeatAsync()
    {
        using var other = new PointsClient(_proof.Cluster.Replicas[1].Url);
        Answer answer = null!;
        await Eventually.HoldsAsync(
            async () =>
            {
                answer = await other.UseAsync(Member, "STOPPED", 10, _key);
                return answer.Status is not (HttpStatusCode.Locked or HttpStatusCode.ServiceUnavailable);
            },
            "the repetition has a final answer");
        return answer.Expect(HttpStatusCode.Created);
    }

    public async ValueTask DisposeAsync()
    {
        _proof.ToDatabase.Heal();
        await _row.DisposeAsync();
        await Request;
        _client.Dispose();
    }

    private async Task OnRowAsync(string sql)
    {
        await using var command = new NpgsqlCommand(sql, _row);
        await command.ExecuteNonQueryAsync(Token);
    }

    private async Task<Answer?> SendAsync()
    {
        try
        {
            return await _client.UseAsync(Member, "STOPPED", 10, _key);
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    /// <summary>False when the request had its answer before it was at the step.</summary>
    private async Task<bool> BringToAsync(WriteStep step)
    {
        if (!await ComesToAsync(IsLockedAsync))
        {
            return false;
        }
        if (step == WriteStep.BeforeLoading)
        {
            return await ComesToAsync(() => Task.FromResult(_proof.ToDatabase.HeldRequests > 0));
        }
        // A lane gives a busy row up after a tenth of a second; what waits longer waits beside the lane, for as long as its caller does. Were the
        // proxy to hold in between, the row would never be asked for again.
        if (!await ComesToAsync(async () => await Books.BlockedByAsync(_proof.Database, _row.ProcessID, waitedSeconds: 0.5) > 0))
        {
            return false;
        }
        switch (step)
        {
            case WriteStep.Loaded:
                _proof.ToDatabase.HoldReplies();
                break;
            case WriteStep.Writing or WriteStep.Committed:
                _proof.ToDatabase.HoldRequests();
                break;
        }
        if (step == WriteStep.WaitingForTheRow)
        {
            return true;
        }
        await OnRowAsync("ROLLBACK");
        if (!await ComesToAsync(async () => await Books.CountAsync(_proof.Database, IdleInTransaction) > 0)
            || !await ComesToAsync(() => Task.FromResult(step == WriteStep.Loaded ? _proof.ToDatabase.HeldReplies > 0 : _proof.ToDatabase.HeldRequests > 0)))
        {
            return false;
        }
        if (step == WriteStep.Committed)
        {
            _proof.ToDatabase.HoldReplies();
            _proof.ToDatabase.ReleaseRequests();
            return await ComesToAsync(async () => await DoneAsync() == 1);
        }
        return true;
    }

    private async Task<bool> ComesToAsync(Func<Task<bool>> condition)
    {
        var isThere = false;
        await Eventually.HoldsAsync(async () => (isThere = await condition()) || Request.IsCompleted, "the request comes to its step, or is answered");
        return isThere;
    }
}
