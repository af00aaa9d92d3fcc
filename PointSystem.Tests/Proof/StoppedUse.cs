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
        var use = new StoppedUse(proof, await proof.MemberAsync(1_000));
        try
        {
            await use.StartAsync(step);
            return use;
        }
        catch
        {
            // Otherwise the proxy would hold back the messages of all later tests.
            await use.DisposeAsync();
            throw;
        }
    }

    private async Task StartAsync(WriteStep step)
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
        await BringToAsync(step);
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

    private async Task BringToAsync(WriteStep step)
    {
        await Eventually.HoldsAsync(IsLockedAsync, "the lock is held");
        if (step == WriteStep.BeforeLoading)
        {
            await Eventually.HoldsAsync(() => _proof.ToDatabase.HeldRequests > 0, "the request to Postgres is held");
            return;
        }
        await Eventually.HoldsAsync(
            async () => await Books.BlockedByAsync(_proof.Database, _row.ProcessID) > 0,
            "the use waits for the row");
        switch (step)
        {
            case WriteStep.Loaded:
                _proof.ToDatabase.HoldReplies();
                break;
            case WriteStep.Writing or WriteStep.Committed:
                _proof.ToDatabase.HoldRequests();
                break;
        }
        if (step != WriteStep.WaitingForTheRow)
        {
            await OnRowAsync("ROLLBACK");
            await Eventually.HoldsAsync(async () => await Books.CountAsync(_proof.Database, IdleInTransaction) > 0, "the use holds the row");
            await Eventually.HoldsAsync(
                () => step == WriteStep.Loaded ? _proof.ToDatabase.HeldReplies > 0 : _proof.ToDatabase.HeldRequests > 0, "the proxy holds the next message");
        }
        if (step == WriteStep.Committed)
        {
            _proof.ToDatabase.HoldReplies();
            _proof.ToDatabase.ReleaseRequests();
            await Eventually.HoldsAsync(async () => await StoredCountAsync() == 1, "the use is committed");
        }
    }
}
