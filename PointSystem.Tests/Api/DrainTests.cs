using System.Net;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Api;

/// <summary>Shutdown of an API process while one of its batches still waits for a row lock.</summary>
public sealed class DrainTests(PointsDatabase server)
{
    private const long Member = 7;

    [Fact]
    public async Task Sigterm_BatchRunning_IsAnsweredWhileNewRequestsAreRefused()
    {
        await using var run = await StartAsync();
        using var client = new PointsClient(run.Api.Address);
        var pending = client.UseAsync(Member, "A1", 10);
        await run.Wallet.WaitForWaitersAsync();

        await run.Api.SignalAsync("TERM");
        await Eventually.HoldsAsync(() => IsRefusedAsync(client), "The port is closed.");
        await run.Wallet.RollbackAsync();
        (await pending).Expect(HttpStatusCode.Created);
        await run.Api.WaitForExitAsync(Token);

        Assert.Equal(0, run.Api.ExitCode);
        Assert.Equal(1, await run.UsagesAsync());
    }

    [Fact]
    public async Task Sigterm_BatchOutlastsTheTimeout_ProcessExitsAndNothingIsWritten()
    {
        await using var run = await StartAsync(("Drain__Timeout", "00:00:01"));
        using var client = new PointsClient(run.Api.Address);
        var pending = client.UseAsync(Member, "A1", 10);
        await run.Wallet.WaitForWaitersAsync();

        await run.Api.SignalAsync("TERM");
        await Assert.ThrowsAsync<HttpRequestException>(() => pending);
        await run.Api.WaitForExitAsync(Token);
        await run.Wallet.RollbackAsync();

        await Eventually.HoldsAsync(async () => await run.WaitingAsync() == 0, "Postgres has ended the session.");
        Assert.Equal(0, await run.UsagesAsync());
    }

    private static async Task<bool> IsRefusedAsync(PointsClient client)
    {
        try
        {
            _ = await client.GetAsync("/health/live");
            return false;
        }
        catch (HttpRequestException refused)
        {
            return refused.HttpRequestError == HttpRequestError.ConnectionError;
        }
    }

    private async Task<Run> StartAsync(params (string Name, string? Value)[] settings)
    {
        Needs.Signals();
        var database = await server.CreateOwnedAsync(Token);
        var api = await ApiProcess.StartAsync(database, settings);
        using var client = new PointsClient(api.Address);
        (await client.AccumulateAsync(Member, 100)).Expect(HttpStatusCode.Created);
        return new Run(api, database, await HeldTransaction.LockWalletsAsync(database, Member));
    }

    /// <summary>An API process, and a wallet row of its database that the test holds.</summary>
    private sealed class Run(ApiProcess api, string database, HeldTransaction wallet) : IAsyncDisposable
    {
        public ApiProcess Api => api;

        public HeldTransaction Wallet => wallet;

        public Task<long> WaitingAsync() => Books.CountAsync(
            database, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'");

        public Task<long> UsagesAsync() => Books.UsagesAsync(database, Member);

        public async ValueTask DisposeAsync()
        {
            await wallet.DisposeAsync();
            await api.DisposeAsync();
        }
    }
}
