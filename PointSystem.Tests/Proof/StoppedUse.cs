using System.Net;
using Npgsql;

namespace PointSystem.Tests.Proof;

/// <summary>The points at which a write can be stopped, between acquiring the lock and receiving the answer to its commit.</summary>
public enum WriteStep
{
    /// <summary>It holds the lock; its first request has not reached Postgres.</summary>
    BeforeLoading,

    /// <summary>It holds the lock and waits for the row lock.</summary>
    WaitingForTheRow,

    /// <summary>It holds the lock and the row lock; the loaded rows have not arrived.</summary>
    Loaded,

    /// <summary>It holds both and has decided; its writes have not reached Postgres.</summary>
    Writing,

    /// <summary>Its transaction is committed; the answer has not arrived.</summary>
    Committed,
}

/// <summary>A use at the first replica that is stopped at a step, by the proxy to Postgres and by a row lock that the test holds.</summary>
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

    /// <summary>The answer, or null if the connection broke.</summary>
    public Task<Answer?> Request { get; private set; }

    /// <summary>Sends a use of a member with 1,000 points, and stops it at the step.</summary>
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

        // Refreshes the cached configuration, so that no request has to read it while the proxy holds everything back.
        await _client.CreateMemberAsync(1);
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

    /// <summary>Whether the lock is held in Redis.</summary>
    public async Task<bool> IsLockedAsync()
    {
        await using var redis = await _proof.RedisAsync();
        return await redis.GetDatabase().KeyExistsAsync($"lock||point-api||point:use:member:{Member}");
    }

    /// <summary>Releases the row and the messages that the proxy holds back.</summary>
    public async Task ReleaseAsync()
    {
        await OnRowAsync("ROLLBACK");
        _proof.ToDatabase.ReleaseRequests();
        _proof.ToDatabase.ReleaseReplies();
    }

    /// <summary>How many times the use is stored.</summary>
    public Task<long> StoredCountAsync() => Books.CountAsync(
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
            "the repeated request has a final answer");
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
        if (step is WriteStep.Writing or WriteStep.Committed)
        {
            // That is the question whether its transaction is still open, because it has waited for long. It may pass; what follows are the writes.
            _proof.ToDatabase.ReleaseRequests();
            _proof.ToDatabase.HoldRequests();
            if (!await ComesToAsync(async () => await Books.CountAsync(_proof.Database, $"{IdleInTransaction} AND query = 'SELECT 1'") > 0)
                || !await ComesToAsync(() => Task.FromResult(_proof.ToDatabase.HeldRequests > 0)))
            {
                return false;
            }
        }
        if (step == WriteStep.Committed)
        {
            _proof.ToDatabase.HoldReplies();
            _proof.ToDatabase.ReleaseRequests();
            return await ComesToAsync(async () => await StoredCountAsync() == 1);
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
