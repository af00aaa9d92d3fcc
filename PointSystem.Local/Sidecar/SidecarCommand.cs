namespace PointSystem.Local.Sidecar;

/// <summary>
/// The process mode <c>PointSystem.Local sidecar</c>: a stand-in for Dapr's lock API, for machines without daprd. It accepts daprd's
/// flags and reads daprd's component files; docs/sidecar.md lists what it does and does not do.
/// </summary>
public static class SidecarCommand
{
    /// <summary>The verb.</summary>
    public const string Name = "sidecar";

    /// <summary>Runs until SIGTERM, Ctrl+C or, with <c>--exit-with-stdin</c>, the end of standard input.</summary>
    /// <param name="args">The flags after the verb.</param>
    /// <returns>0 after an orderly shutdown, 1 if it could not start; the reason is on standard error.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        try
        {
            var flags = SidecarFlags.Parse(args);
            await using var app = await SidecarHost.CreateAsync(flags, CancellationToken.None);
            await app.StartAsync();
            var stores = app.Services.GetRequiredService<LockStores>().Loaded.Select(c => c.Metadata.Name);
            app.Logger.Ready(flags.AppId, flags.HttpPort, flags.GrpcPort, string.Join(", ", stores) is { Length: > 0 } names ? names : "none");
            if (flags.ExitWithStdin)
            {
                _ = StdinGuard.WatchAsync(app.Lifetime, app.Logger);
            }
            await app.WaitForShutdownAsync();
            return 0;
        }
        catch (SidecarStartException error)
        {
            await Console.Error.WriteLineAsync($"fatal: {error.Message}");
            return 1;
        }
        catch (IOException error)
        {
            // Kestrel's exception for a port that is in use.
            await Console.Error.WriteLineAsync($"fatal: {error.Message}");
            return 1;
        }
    }
}
