using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PointSystem.Api.Hosting;
using PointSystem.ServiceDefaults;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Api;

/// <summary>
/// The API as <see cref="ApiProcess"/> starts it, with real Kestrel and all of its services, but in this process: for a fraction of the processor time,
/// because everything is compiled already. For tests that send the process no signal, and that do not read metrics, which the hosts of a process share.
/// </summary>
internal sealed class ApiHost : IAsyncDisposable
{
    // What hangs on purpose is not waited for.
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(1);

    private readonly Log _log = new();
    private readonly TaskCompletionSource<IServiceProvider> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task<int> _run;

    private ApiHost(string[] arguments) => _run = Task.Run(() => PointApplication.RunAsync(arguments, Register));

    /// <summary>What it is made of.</summary>
    public IServiceProvider Services => _started.Task.Result;

    public Uri Address => new(Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.Single());

    /// <summary>Everything it has logged so far.</summary>
    public string Output => _log.ToString();

    /// <summary>Starts the API and waits until it is live, as <see cref="ApiProcess.StartAsync"/> does.</summary>
    public static async Task<ApiHost> StartAsync(string connectionString, params (string Name, string? Value)[] settings)
    {
        var values = new Dictionary<string, string?>
        {
            ["environment"] = "Development",
            ["urls"] = "http://127.0.0.1:0",
            ["Drain__Delay"] = "00:00:00",
        };
        foreach (var (name, value) in (IEnumerable<(string Name, string? Value)>)
            [.. ApiProcess.SettingsFor(PointsDatabase.AsReplica(connectionString)), .. settings])
        {
            values[name == "ASPNETCORE_ENVIRONMENT" ? "environment" : name] = value;
        }

        var host = new ApiHost(
            [.. values.Where(value => value.Value is not null).Select(value => $"--{value.Key.Replace("__", ":", StringComparison.Ordinal)}={value.Value}")]);
        await Task.WhenAny(host._started.Task, host._run);
        Assert.True(host._started.Task.IsCompletedSuccessfully, $"The API has ended. {host._run.Exception}\n{host.Output}");
        return host;
    }

    public async ValueTask DisposeAsync()
    {
        Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        Assert.Equal(0, await _run);
    }

    private void Register(IHostApplicationBuilder builder)
    {
        builder.Logging.ClearProviders().AddProvider(_log);
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = StopLimit);
        builder.Services.AddHostedService(services => new OnceStarted(services, _started));
    }

    private sealed class OnceStarted(IServiceProvider services, TaskCompletionSource<IServiceProvider> started) : BackgroundService
    {
        protected override Task ExecuteAsync(CancellationToken stoppingToken)
        {
            services.GetRequiredService<IHostApplicationLifetime>().ApplicationStarted.Register(() => started.TrySetResult(services));
            return Task.CompletedTask;
        }
    }

    /// <summary>Signals are for the process of the tests.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    /// <summary>The lines that a process would write to its console.</summary>
    private sealed class Log : ILoggerProvider
    {
        private readonly OneLineConsole _lines = new(TimeProvider.System);
        private readonly StringWriter _written = new();

        public ILogger CreateLogger(string categoryName) => new Category(this, categoryName);

        public override string ToString()
        {
            lock (_written)
            {
                return _written.ToString();
            }
        }

        public void Dispose()
        {
        }

        private sealed class Category(Log log, string name) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state)
                where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

            public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            {
                lock (log._written)
                {
                    log._lines.Write(new LogEntry<TState>(logLevel, name, eventId, state, exception, formatter!), null, log._written);
                }
            }
        }
    }
}
