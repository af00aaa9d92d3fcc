using Microsoft.Extensions.Options;

namespace PointSystem.Notifications.Sending;

/// <summary>Sends over one channel, several messages at a time (<see cref="NotificationOptions.Concurrency"/>).</summary>
internal sealed class SendJobs(Func<INotificationSender> senders, IServiceProvider services, IOptions<NotificationOptions> options) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(Enumerable.Range(0, options.Value.Concurrency).Select(_ => RunAsync(stoppingToken)));

    private async Task RunAsync(CancellationToken stoppingToken)
    {
        var sender = senders();
        using (sender as IDisposable)
        {
            await ActivatorUtilities.CreateInstance<SendJob>(services, sender).RunAsync(stoppingToken);
        }
    }
}
