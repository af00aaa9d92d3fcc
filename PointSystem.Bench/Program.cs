using PointSystem.Api.Hosting;
using PointSystem.Bench;
using PointSystem.Bench.Host;

// The same program is the replicas that it measures, and migrates their database; see BenchHost.
return args is [MigrateCommand.Verb] || Environment.GetEnvironmentVariable(BenchHost.Variable) is { Length: > 0 }
    ? await BenchHost.RunAsync(args)
    : await BenchCommand.RunAsync(args, Console.Out, Console.Error, CancellationToken.None);
